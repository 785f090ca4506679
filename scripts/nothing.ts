// Runs when only the install in front of it is wanted.
