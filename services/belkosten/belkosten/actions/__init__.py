"""What is done in belkosten: each function is called inside one transaction, unless it says otherwise."""
