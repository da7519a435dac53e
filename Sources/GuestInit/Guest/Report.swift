/// Writes one line to the console, in one system call so that the kernel's messages do not cut it.
func report(_ a: Text, _ b: Text = "", _ c: Text = "", _ d: Text = "") {
  let standardError: UInt64 = 2
  Text.write(["init: ", a, b, c, d, "\n"], to: standardError)
}
