-- With a closed account its keys die, and then the row that says which they were.
GRANT DELETE ON vault.account_keys TO pipeline;
