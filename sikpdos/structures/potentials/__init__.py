"""Classical potentials of silicon, for geometries that DFT then takes as they are."""
