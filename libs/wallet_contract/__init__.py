"""All that other services may know of the wallet: account addresses, messages and a client."""
