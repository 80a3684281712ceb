"""Web Push: wakes a device, and by default says no more than that something happened."""
