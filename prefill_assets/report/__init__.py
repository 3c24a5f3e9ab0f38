"""Tables for the eye and for other programs: charts, the report page, and exports in the spec's layout."""
