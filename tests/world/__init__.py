"""A whole life of the product, simulated: who acts, what goes wrong, and an oracle that knows the truth.

``hub`` chooses who runs when, ``stage`` puts the real product on it, ``installation`` is what Clickker has running,
``exact`` what lies between it and Exact, ``acts`` what people do and what befalls them, ``oracle`` what must hold,
``life`` plays one life out of a list of small numbers, which Hypothesis draws and shrinks.
"""
