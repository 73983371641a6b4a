"""What keeps the store in shape: ages that end, nodes it is spread over, jobs that run unattended."""
