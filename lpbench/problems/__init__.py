"""Problems: one file each; `identity` knows them by content, `build` builds them, `solving` finds their optimum."""
