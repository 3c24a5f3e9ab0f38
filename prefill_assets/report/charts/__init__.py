"""One chart a module; a chart's module, its picture file and its place in the report page share one name."""
