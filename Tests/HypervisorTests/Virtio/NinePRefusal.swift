/// Rlerror: the error number of Linux.
struct NinePRefusal: Error, Equatable, CustomStringConvertible {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  var description: String { "Rlerror \(number)" }
}
