// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title Leaves of a claims tree, and the root of an aligned range of them (R-63)
library LeafTree {
    /// @dev Double-hashed, so that no inner node can pass for a leaf.
    function leafOf(
        uint32 program,
        address account,
        uint256 cumulative
    ) internal view returns (bytes32 leaf) {
        // keccak256(keccak256(abi.encode(block.chainid, address(this), program, account, cumulative)))
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 0x20), address())
            mstore(add(free, 0x40), program)
            mstore(add(free, 0x60), account)
            mstore(add(free, 0x80), cumulative)
            mstore(0x00, keccak256(free, 0xa0))
            leaf := keccak256(0x00, 0x20)
        }
    }

    /// @return top The root that the siblings lead to; the smaller child first. The same as OpenZeppelin's
    /// MerkleProof.processProofCalldata, for half its gas.
    function climb(bytes32 leaf, bytes32[] calldata path) internal pure returns (bytes32 top) {
        assembly ("memory-safe") {
            top := leaf
            let end := add(path.offset, shl(5, path.length))
            for {
                let at := path.offset
            } lt(at, end) {
                at := add(at, 0x20)
            } {
                let sibling := calldataload(at)
                // The smaller one goes to 0x00: 0x20 or 0 by the comparison.
                let place := shl(5, gt(top, sibling))
                mstore(place, top)
                mstore(xor(place, 0x20), sibling)
                top := keccak256(0x00, 0x40)
            }
        }
    }

    /// @return top The root over 2^k leaves in their order; inner nodes hash the smaller child first.
    /// @param packed Account and cumulative a word; 0 stands for the padding.
    function rootOf(
        uint256[] calldata packed,
        uint32 program,
        bytes32 padding
    ) internal view returns (bytes32 top) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let nodes := add(free, 0xa0)
            let n := packed.length
            // abi.encode of a leaf: chain, contract and program stay as they are, two words change.
            mstore(free, chainid())
            mstore(add(free, 0x20), address())
            mstore(add(free, 0x40), program)
            for {
                let i := 0
            } lt(i, n) {
                i := add(i, 1)
            } {
                let entry := calldataload(add(packed.offset, shl(5, i)))
                let leaf := padding
                if entry {
                    mstore(add(free, 0x60), shr(96, entry))
                    mstore(add(free, 0x80), and(entry, 0xffffffffffffffffffffffff))
                    mstore(0x00, keccak256(free, 0xa0))
                    leaf := keccak256(0x00, 0x20)
                }
                mstore(add(nodes, shl(5, i)), leaf)
            }
            // Level by level in place: node i of the next level lies where node i was.
            for {} gt(n, 1) {} {
                n := shr(1, n)
                for {
                    let i := 0
                } lt(i, n) {
                    i := add(i, 1)
                } {
                    let left := mload(add(nodes, shl(6, i)))
                    let right := mload(add(nodes, add(shl(6, i), 0x20)))
                    let place := shl(5, gt(left, right))
                    mstore(place, left)
                    mstore(xor(place, 0x20), right)
                    mstore(add(nodes, shl(5, i)), keccak256(0x00, 0x40))
                }
            }
            top := mload(nodes)
            mstore(0x40, add(nodes, shl(5, packed.length)))
        }
    }

    function hashOf(uint256[] calldata packed) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, packed.length)
            calldatacopy(free, packed.offset, size)
            hash := keccak256(free, size)
        }
    }
}
