// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {LeafTree} from "../libraries/LeafTree.sol";

/// @title The library, to be called (tests only)
contract LeafTreeMock {
    function leafOf(
        uint32 program,
        address account,
        uint256 cumulative
    ) external view returns (bytes32) {
        return LeafTree.leafOf(program, account, cumulative);
    }

    function climb(bytes32 leaf, bytes32[] calldata path) external pure returns (bytes32) {
        return LeafTree.climb(leaf, path);
    }

    /// @return top The range's root.
    /// @return hash Of the packed words, taken afterwards: neither may spoil the other's memory.
    function rootOf(
        uint256[] calldata packed,
        uint32 program,
        bytes32 padding
    ) external view returns (bytes32 top, bytes32 hash) {
        top = LeafTree.rootOf(packed, program, padding);
        hash = LeafTree.hashOf(packed);
    }
}
