"""Who somebody is: accounts, profiles, and the tokens that prove it to every other service."""
