"""What the product knows: no Streamlit, no pandas, no HTTP server."""
