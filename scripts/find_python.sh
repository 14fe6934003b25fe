#!/bin/sh
# Print the first Python on PATH that is 3.11 or newer; nothing when there is none.
for name in python3 python3.11 python3.12 python3.13 python3.14 python3.15 python; do
    found=$(command -v "$name" 2>/dev/null) || continue
    if "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$found"
        exit 0
    fi
done
