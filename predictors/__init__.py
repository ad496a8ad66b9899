"""Mathematics: a window's numbers in, a motion and a forecast out. numpy only."""
