import streamlit as st

st.title("operators")
