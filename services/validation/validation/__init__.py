"""Is this e-mail address, is this name, one that we want to accept?"""
