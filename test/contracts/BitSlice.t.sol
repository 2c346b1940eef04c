// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {BitSlice} from "../../contracts/libraries/BitSlice.sol";

/// @title 256 counters in five words against counting one by one
contract BitSliceTest {
    using BitSlice for BitSlice.Counters;

    error Wrong(uint256 position, uint256 count, uint256 least);

    function testFuzz_Z05_atLeastIsWhatCountingSays(
        uint256 seed,
        uint8 length,
        uint8 least
    ) external pure {
        uint256[] memory words = wordsFrom(seed, length % (BitSlice.CAPACITY + 1));
        BitSlice.Counters memory n;
        for (uint256 i = 0; i < words.length; ++i) n.add(words[i]);
        uint256 wanted = least % 40;
        uint256 ge = n.atLeast(wanted);
        for (uint256 position = 0; position < 256; ++position) {
            uint256 count = countAt(words, position);
            bool is_ = (ge >> position) & 1 == 1;
            if (is_ != (count >= wanted)) revert Wrong(position, count, wanted);
        }
    }

    function test_Z05_holds31AndNotMore() external pure {
        BitSlice.Counters memory n;
        for (uint256 i = 0; i < BitSlice.CAPACITY; ++i) n.add(type(uint256).max);
        assert(n.atLeast(31) == type(uint256).max);
        assert(n.atLeast(32) == 0);
    }

    function testFuzz_popCountIsTheNumberOfBits(uint256 x) external pure {
        uint256 naive = 0;
        for (uint256 left = x; left != 0; left >>= 1) naive += left & 1;
        assert(BitSlice.popCount(x) == naive);
    }

    function test_popCountOfNothingAndAll() external pure {
        assert(BitSlice.popCount(0) == 0);
        assert(BitSlice.popCount(type(uint256).max) == 256);
        assert(BitSlice.popCount(type(uint256).max - 1) == 255);
    }

    function testFuzz_positionIsTheHighestBit(uint256 x) external pure {
        if (x == 0) return;
        uint256 position = BitSlice.position(x);
        assert(x >> position == 1);
        assert(BitSlice.position(1 << position) == position);
    }

    function wordsFrom(uint256 seed, uint256 length) private pure returns (uint256[] memory words) {
        words = new uint256[](length);
        for (uint256 i = 0; i < length; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            // Dense, sparse and even ones.
            if (seed % 3 == 1) word |= uint256(keccak256(abi.encode(seed, i, "or")));
            if (seed % 3 == 2) word &= uint256(keccak256(abi.encode(seed, i, "and")));
            words[i] = word;
        }
    }

    function countAt(
        uint256[] memory words,
        uint256 position
    ) private pure returns (uint256 count) {
        for (uint256 i = 0; i < words.length; ++i) count += (words[i] >> position) & 1;
    }
}
