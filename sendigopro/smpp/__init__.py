"""The SMPP 3.4 wire protocol; knows nothing of the product."""
