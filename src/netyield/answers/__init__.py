"""One file, one question. The only room that defines a number that is shown; faces format and never compute."""
