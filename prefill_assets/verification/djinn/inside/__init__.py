"""What runs inside the sandbox, with djinn's interpreter: standard library, psutil and djinn, and nothing of this package."""
