// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title 256 counters in five words
/// @notice Bit i of planes a … e is the binary count of validator i, least significant plane first. Adding a snapshot
/// word is a ripple of AND and XOR over all 256 counters at once; comparing is one pass over the planes.
library BitSlice {
    /// @dev Counters hold 0 … 31: more than the 24 hours of a cycle and the 8 reporters of an hour.
    uint256 internal constant CAPACITY = 31;

    struct Counters {
        uint256 a;
        uint256 b;
        uint256 c;
        uint256 d;
        uint256 e;
    }

    /// @notice Adds 1 to every counter whose bit is set. The caller adds at most CAPACITY words.
    function add(Counters memory n, uint256 word) internal pure {
        uint256 carry = word;
        (n.a, carry) = (n.a ^ carry, n.a & carry);
        (n.b, carry) = (n.b ^ carry, n.b & carry);
        (n.c, carry) = (n.c ^ carry, n.c & carry);
        (n.d, carry) = (n.d ^ carry, n.d & carry);
        n.e ^= carry;
    }

    /// @return Bit i is set when counter i is at least `least`.
    function atLeast(Counters memory n, uint256 least) internal pure returns (uint256) {
        return atLeast(n.a, n.b, n.c, n.d, n.e, least);
    }

    /// @notice The same with the planes on the stack. From the lowest bit up: where `least` has a one the plane must
    /// have it too, where it has a zero the plane's one decides.
    function atLeast(
        uint256 a,
        uint256 b,
        uint256 c,
        uint256 d,
        uint256 e,
        uint256 least
    ) internal pure returns (uint256 ge) {
        if (least > CAPACITY) return 0;
        ge = type(uint256).max;
        ge = least & 1 == 0 ? a | ge : a & ge;
        ge = least & 2 == 0 ? b | ge : b & ge;
        ge = least & 4 == 0 ? c | ge : c & ge;
        ge = least & 8 == 0 ? d | ge : d & ge;
        ge = least & 16 == 0 ? e | ge : e & ge;
    }

    /// @return Number of set bits.
    function popCount(uint256 x) internal pure returns (uint256) {
        unchecked {
            if (x == type(uint256).max) return 256;
            x -= (x >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555;
            x =
                (x & 0x3333333333333333333333333333333333333333333333333333333333333333) +
                ((x >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            // The top byte of the product is the sum of all bytes, at most 255 here.
            return (x * 0x0101010101010101010101010101010101010101010101010101010101010101) >> 248;
        }
    }

    /// @return Position of the highest set bit; of the only one, mostly.
    function position(uint256 bit) internal pure returns (uint256) {
        uint256 zeros;
        assembly ("memory-safe") {
            zeros := clz(bit)
        }
        unchecked {
            return 255 - zeros;
        }
    }
}
