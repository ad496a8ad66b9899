"""What operators declare, validated: cartridges, policies, partitions, applications; and the settings of Pileus itself."""
