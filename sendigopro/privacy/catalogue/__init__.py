"""What every column says it holds, and what is made from it: notice tables, the record, the map."""
