// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IProgramPayouts} from "../../contracts/interfaces/IProgramPayouts.sol";
import {ProgramHandler} from "./ProgramHandler.sol";

/// @title What holds of the programs whatever is done, in whatever order
abstract contract ProgramSolvency {
    ProgramHandler internal handler;

    error Broken(string what);
    error Unequal(uint256 left, uint256 right);

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev Paid, credits, what claims hold and what the programs have left are what was ever funded.
    function invariant_R40_R60_R61_nothingIsLostAndNothingIsMade() external view {
        IProgramPayouts.Books memory b = handler.payouts().books();
        equal(b.balance, b.balances + b.credits + handler.forced());
        uint256 sum = 0;
        for (uint32 p = 1; p <= handler.PROGRAMS(); ++p)
            sum += handler.payouts().programOf(p).balance;
        equal(b.balances, sum);
        uint256 atClaims = handler.balance(address(handler.claims()));
        equal(handler.funded(), handler.paidOut() + b.credits + b.balances + atClaims);
    }

    /// @dev The claims hold what accepted totals moved in and nobody has claimed, so that no claim exceeds them.
    function invariant_R62_R63_claimsNeverExceedTheTotal() external view {
        equal(
            handler.claims().total(),
            handler.claimed() + handler.balance(address(handler.claims()))
        );
        equal(handler.totalClaimed(), handler.claimed());
    }

    /// @dev The handler checks after every action: a number pays once, a batch pays its first payments each once with its
    /// own program's money, no budget lets out more than capacity and refill, a claim pays the difference.
    function invariant_R30_R60_R61_R62_everyActionDidWhatItShould() external view {
        string memory broken = handler.broken();
        if (bytes(broken).length != 0) revert Broken(broken);
    }

    /// @dev One path through most actions: the invariants above mean nothing if the handler's calls all fail.
    function test_R60_R62_theActionsOfTheInvariantsSucceed() external {
        handler.fund(0, 1e10);
        handler.fund(1, 1e10);
        handler.behave(2, 1);
        for (uint8 i = 0; i < 8; ++i) handler.pay(i, i, uint256(i) * 7 + 3, true);
        handler.pay(0, 0, 5, true);
        handler.pay(0, 9, 5, false);
        IProgramPayouts.Books memory b = handler.payouts().books();
        assert(b.credits != 0 && b.balances < 2e10 && handler.paidOut() != 0);
        uint256 paid = handler.paidOut();
        handler.behave(2, 0);
        handler.withdraw(2);
        assert(handler.paidOut() == paid + b.credits);
        handler.submit((1 << 128) | (7 << 96) | (7 << 64) | (7 << 32) | 7);
        handler.warp(1 hours);
        handler.accept();
        assert(handler.claims().total() == 28);
        handler.claimFor(0);
        handler.claimRange(true, true);
        handler.claimRange(false, false);
        assert(handler.claimed() == 28);
        handler.force(5);
        handler.skim(0);
        handler.returnFunds(1, 5);
        assert(handler.forced() == 0 && handler.balance(handler.SPONSOR()) == 5);
        this.invariant_R40_R60_R61_nothingIsLostAndNothingIsMade();
        this.invariant_R62_R63_claimsNeverExceedTheTotal();
        this.invariant_R30_R60_R61_R62_everyActionDidWhatItShould();
    }

    function equal(uint256 left, uint256 right) private pure {
        if (left != right) revert Unequal(left, right);
    }
}
