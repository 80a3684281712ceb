"""`python -m server.cli`, which the script ./groundswell runs."""

from server.cli import main

main()
