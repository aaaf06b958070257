"""Stand-ins for the processes of the house: they start in no time and answer when asked whether they are ready."""
