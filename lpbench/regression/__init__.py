"""Has an algorithm, a format or a bound got worse since the baseline?"""
