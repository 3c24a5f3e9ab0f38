"""What every chart is drawn with: palette, type sizes, axes, cleaned rows, fits, and the chart that says why there is none."""
