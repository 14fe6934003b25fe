"""One Altair specification per answer: draws, decides nothing."""
