"""What a run or a sweep leaves on the disk: written whole, read without trust."""
