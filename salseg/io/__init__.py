"""Files in and out, without torch: one implementation each of reading, listing, pairing and writing them."""
