import CGuest

/// Writes one line to the console, in one system call so that the kernel's messages do not cut it.
func report(_ a: Text, _ b: Text = "", _ c: Text = "", _ d: Text = "") {
  func segment(_ text: Text) -> init_segment {
    unsafe init_segment(base: UnsafeRawPointer(text.start), byte_count: UInt64(text.count))
  }
  var segments: InlineArray<6, init_segment> = unsafe [
    segment("init: "), segment(a), segment(b), segment(c), segment(d), segment("\n"),
  ]
  let standardError: UInt64 = 2
  unsafe withUnsafeMutablePointer(to: &segments) { pointer in
    _ = Kernel.attempt(.writev, standardError, UInt64(UInt(bitPattern: pointer)), 6)
  }
}
