"""One HTML file of what runs, evaluations and sweeps have left in folders."""
