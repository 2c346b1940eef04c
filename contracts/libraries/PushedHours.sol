// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title Which hours of a cycle enough reporters pushed
/// @notice A push mask has a byte an hour and in it a bit a reporter's seat: bit 8 * hour + seat, 192 bits. All 24
/// bytes are counted and compared at once, because extract asks three times and a loop cost it 25,000 gas.
library PushedHours {
    uint256 internal constant ALL = (1 << 24) - 1;

    uint256 private constant EACH_BYTE = 0x010101010101010101010101010101010101010101010101;

    /// @param pushed The push mask.
    /// @param seats The reporters that count, a bit a seat.
    /// @param least How many of them an hour needs, 1 … 8.
    /// @return hourMask Bit h: at least `least` of the seats pushed hour h.
    function byAtLeast(
        uint256 pushed,
        uint256 seats,
        uint256 least
    ) internal pure returns (uint256 hourMask) {
        unchecked {
            // The set bits of every byte, in that byte (0 … 8).
            uint256 x = pushed & (seats * EACH_BYTE);
            x -= (x >> 1) & (0x55 * EACH_BYTE);
            x = (x & (0x33 * EACH_BYTE)) + ((x >> 2) & (0x33 * EACH_BYTE));
            x = (x + (x >> 4)) & (0x0f * EACH_BYTE);
            // The top bit of a byte is set when its count reaches `least`.
            x = ((x + (0x80 - least) * EACH_BYTE) >> 7) & EACH_BYTE;
            return gather(x) | (gather(x >> 64) << 8) | (gather(x >> 128) << 16);
        }
    }

    /// @return The lowest bits of the eight lowest bytes, side by side: the product moves bit 8 * i to 56 + i, and no two
    /// of its bits meet.
    function gather(uint256 x) private pure returns (uint256) {
        unchecked {
            return (((x & type(uint64).max) * 0x0102040810204080) >> 56) & 0xff;
        }
    }
}
