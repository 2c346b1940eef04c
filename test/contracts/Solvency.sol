// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IValidatorRewards} from "../../contracts/interfaces/IValidatorRewards.sol";
import {SolvencyHandler} from "./SolvencyHandler.sol";

/// @title What holds whatever is done, in whatever order
abstract contract Solvency {
    SolvencyHandler internal handler;

    error Broken(string what);
    error Unequal(uint256 left, uint256 right);

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_R21_R40_booksBalance() external view {
        IValidatorRewards.Books memory b = handler.rewards().books();
        // Solvent, and exactly so: nothing is lost beside the books.
        equal(b.balance, b.pool + b.unpaid + b.credits + handler.forced());
        equal(b.funded, handler.funded());
        equal(b.funded, handler.paidOut() + b.credits + b.unpaid + b.pool);
    }

    /// @dev The handler checks after every action: eligibility and shares against a second computation, payments one
    /// by one, nobody paid twice, no credit from a stranger's batch. And what the lanes hold is what was pushed for
    /// their own cycle, however often they were reused.
    function invariant_R10_R31_Z08_Z18_everyActionDidWhatItShould() external view {
        string memory broken = handler.broken();
        if (bytes(broken).length != 0) revert Broken(broken);
        uint32 newest = handler.registry().cycleAt(block.timestamp);
        for (uint32 n = newest < 4 ? 1 : newest - 3; n <= newest; ++n) {
            uint256 snapshots = handler.registry().snapshotCount(n);
            // A lane that was reused, or not yet begun, says 0.
            if (snapshots == 0) continue;
            equal(snapshots, handler.snapshots(n));
            for (uint32 i = 0; i < handler.VALIDATORS(); ++i) {
                equal(handler.registry().appearances(i, n), handler.appearances(n, i));
            }
        }
    }

    /// @dev One path through most actions: the invariants above mean nothing if the handler's calls all fail.
    function test_R40_theActionsOfTheInvariantsSucceed() external {
        handler.pushDay(0);
        handler.fund(1e18);
        handler.setWeight(3, 50);
        for (uint256 day = 1; day <= 8; ++day) {
            handler.setParams(day % 2 == 0, 1);
            handler.pushDay(uint256(keccak256(abi.encode(day))) & ~uint256(type(uint64).max));
            handler.behave(2, 1);
            handler.extract(true);
            handler.transfer(1, 7, true);
            handler.behave(2, 0);
            handler.fund(1e18);
        }
        IValidatorRewards.Books memory b = handler.rewards().books();
        assert(
            handler.rewards().nextCycle() > 5 &&
                handler.paidOut() > 1e18 &&
                b.credits != 0 &&
                b.unpaid != 0
        );
        uint256 paid = handler.paidOut();
        handler.withdraw(2);
        assert(handler.paidOut() == paid + b.credits);
        paid += b.credits;
        for (uint8 i = 3; i < 6; ++i) handler.claim(1, i);
        assert(handler.paidOut() > paid);
        handler.force(5);
        handler.skim();
        assert(handler.forced() == 0);
        this.invariant_R21_R40_booksBalance();
        this.invariant_R10_R31_Z08_Z18_everyActionDidWhatItShould();
    }

    function equal(uint256 left, uint256 right) private pure {
        if (left != right) revert Unequal(left, right);
    }
}
