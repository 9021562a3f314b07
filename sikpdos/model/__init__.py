"""Everything that learns, is fitted or compared: networks, regression, uncertainty, outliers, template matching."""
