"""How fast training in integers is: float32, int16 and int8 beside each other on this machine."""
