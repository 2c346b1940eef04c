// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {CodePage} from "./CodePage.sol";

/// @title The bytes of a page of the roster: 256 entries of fund and weight, or 256 nodes
library RosterPage {
    uint256 internal constant WORD = 256;

    /// @dev 20 bytes of fund address and 12 of weight: one validator is one memory word.
    uint256 internal constant ENTRY_BYTES = 32;
    uint256 internal constant NODE_BYTES = 20;

    /// @return data The first `size` bytes of a page followed by `room` zero bytes.
    function read(
        address page,
        uint256 size,
        uint256 room
    ) internal view returns (bytes memory data) {
        data = new bytes(size + room);
        uint256 target;
        assembly ("memory-safe") {
            target := add(data, 0x20)
        }
        if (size != 0) CodePage.copy(page, target, 0, size);
    }

    function entry(
        bytes memory page,
        uint32 index
    ) internal pure returns (address fund, uint96 weight) {
        uint256 at = (index % WORD) * ENTRY_BYTES;
        uint256 both;
        assembly ("memory-safe") {
            both := mload(add(add(page, 0x20), at))
        }
        return (address(uint160(both >> 96)), uint96(both));
    }

    function setEntry(bytes memory page, uint32 index, address fund, uint96 weight) internal pure {
        uint256 at = (index % WORD) * ENTRY_BYTES;
        uint256 both = (uint256(uint160(fund)) << 96) | weight;
        assembly ("memory-safe") {
            mstore(add(add(page, 0x20), at), both)
        }
    }

    /// @dev Writes 20 bytes and leaves the 12 after them as they are.
    function setNode(bytes memory nodes, uint256 offset, address node) internal pure {
        uint256 at = offset * NODE_BYTES;
        assembly ("memory-safe") {
            let target := add(add(nodes, 0x20), at)
            mstore(target, or(shl(96, node), and(mload(target), 0xffffffffffffffffffffffff)))
        }
    }
}
