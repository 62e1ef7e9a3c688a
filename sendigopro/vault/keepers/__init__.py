"""Where the keys are that wrap the root: one file each. What is destroyed there is what makes forgetting real."""
