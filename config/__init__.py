"""What operators declare, validated: cartridges, policies, partitions, applications; and Pileus' own settings."""
