"""How long what is kept, by the words of the columns' comments; and what ends it."""
