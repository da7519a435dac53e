/// Thrown by work that was cut short because the user asked for it.
struct RunInterruption: Error {}
