"""Problems to train on: what is measured, on which coordinates, against which target."""
