"""From a filter's tree to SQL, and to the cheapest way of finding a page of what matches."""
