"""What stored cells say: noise floors, broken bounds, statistics, matched pairs, ratios, comparisons."""
