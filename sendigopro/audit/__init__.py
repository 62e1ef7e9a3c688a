"""Who changed what: one chain of entries for each account, to which is only ever appended."""
