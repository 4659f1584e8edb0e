"""Where present orders go on to. Nothing here knows our database: a parcel comes in, and an answer goes out."""
