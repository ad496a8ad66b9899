"""From forecast to action: demand, decide, place, plan; and the clouds and balancers that carry it out."""
