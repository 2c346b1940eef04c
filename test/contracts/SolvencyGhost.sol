// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {HeartbeatRegistry} from "../../contracts/HeartbeatRegistry.sol";
import {ValidatorRewards} from "../../contracts/ValidatorRewards.sol";
import {IValidatorRewards} from "../../contracts/interfaces/IValidatorRewards.sol";
import {ERC20Mock} from "../../contracts/mocks/ERC20Mock.sol";
import {RefusingReceiver} from "../../contracts/mocks/RefusingReceiver.sol";

/// @title The same books kept a second time, one validator and one hour at a time
abstract contract SolvencyGhost {
    uint256 public constant VALIDATORS = 6;
    address public constant SPONSOR = address(0xdddd);
    uint256 private constant HOURS = 24;

    HeartbeatRegistry public registry;
    ValidatorRewards public rewards;
    ERC20Mock public token;
    RefusingReceiver[] public payees;

    /// @dev Everything ever booked, and what lies in the contract without being booked.
    uint256 public funded;
    uint256 public forced;

    /// @dev The first thing that was ever wrong; the invariants ask for it.
    string public broken;

    mapping(uint256 index => uint96) internal weights;
    mapping(uint256 cycle => mapping(uint256 index => uint96)) private _weightFrom;
    mapping(uint256 cycle => mapping(uint256 index => bool)) private _weightSet;
    mapping(uint256 cycle => mapping(uint256 hour => uint256)) private _online;
    mapping(uint256 cycle => uint256) private _pushed;
    mapping(uint256 cycle => mapping(uint256 index => bool)) private _settled;

    /// @dev As a payment finds things.
    struct Before {
        uint256 unpaidMask;
        uint256 unpaid;
        uint256 credits;
        uint256[] shares;
        uint256[] held;
    }

    function native() public view returns (bool) {
        return address(token) == address(0);
    }

    function payeeOf(uint256 index) public view returns (RefusingReceiver) {
        return payees[index == 0 ? 0 : index - 1];
    }

    /// @notice What has left the contract: to the payees and to the sponsor, who never spend.
    function paidOut() external view returns (uint256 sum) {
        for (uint256 i = 0; i < payees.length; ++i) sum += balance(address(payees[i]));
        sum += balance(SPONSOR);
    }

    function balance(address account) public view returns (uint256) {
        return native() ? account.balance : token.balanceOf(account);
    }

    /// @notice Hours of a cycle in which validator `index` was pushed as up.
    function appearances(uint256 cycle, uint256 index) public view returns (uint256 count) {
        for (uint256 hour = 0; hour < HOURS; ++hour) count += (_online[cycle][hour] >> index) & 1;
    }

    function snapshots(uint256 cycle) public view returns (uint256 count) {
        for (uint256 hour = 0; hour < HOURS; ++hour) count += (_pushed[cycle] >> hour) & 1;
    }

    function noteSnapshot(uint256 cycle, uint256 hour, uint256 word) internal {
        _online[cycle][hour] |= word;
        _pushed[cycle] |= 1 << hour;
    }

    function noteWeight(uint256 cycle, uint256 index, uint96 weight) internal {
        _weightFrom[cycle][index] = weight;
        _weightSet[cycle][index] = true;
    }

    /// @dev After an extract that did not revert: recomputes eligibility and every share.
    function noteExtract(uint32 n, uint256 poolBefore) internal {
        IValidatorRewards.Cycle memory c = rewards.cycle(n);
        uint256 seen = snapshots(n);
        if (c.state == IValidatorRewards.State.RolledOver) {
            check(seen < 20, "rolled over with enough snapshots");
            check(rewards.books().pool == poolBefore, "a cycle that rolled over took money");
            return;
        }
        check(c.state == IValidatorRewards.State.Settled && seen >= 20, "not settled");
        check(c.snapshots == seen, "snapshots");
        (uint256 eligible, uint256 weightSum) = (0, 0);
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            if (appearances(n, i) * 10 < seen * 8) continue;
            eligible |= 1 << i;
            weightSum += c.weighted ? weightAt(n, i) : 1;
        }
        check(rewards.unpaidMask(n, 0) == eligible, "eligible");
        check(c.weightSum == weightSum, "sum of weights");
        checkShares(n, c, eligible, weightSum, poolBefore);
    }

    function checkShares(
        uint32 n,
        IValidatorRewards.Cycle memory c,
        uint256 eligible,
        uint256 weightSum,
        uint256 poolBefore
    ) private {
        uint256 sum = 0;
        for (uint32 i = 0; i < VALIDATORS; ++i) {
            uint256 share = 0;
            if ((eligible >> i) & 1 == 1 && weightSum != 0) {
                share = (c.pool * (c.weighted ? weightAt(n, i) : 1)) / weightSum;
            }
            check(rewards.rewardOf(n, i) == share, "share");
            sum += share;
        }
        check(c.allocated == sum, "allocated is not the sum of the shares");
        check(rewards.books().pool == poolBefore - sum, "shares and carry are not the pool");
    }

    function noteVoid(uint32 n) internal {
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            check(!_settled[n][i], "voided after a payment");
            _settled[n][i] = true;
        }
    }

    function look(uint32 n) internal view returns (Before memory before) {
        before.unpaidMask = rewards.unpaidMask(n, 0);
        before.unpaid = rewards.books().unpaid;
        before.credits = rewards.books().credits;
        before.shares = new uint256[](VALIDATORS);
        before.held = new uint256[](VALIDATORS);
        for (uint32 i = 0; i < VALIDATORS; ++i) {
            before.shares[i] = rewards.rewardOf(n, i);
            before.held[i] = heldBy(i);
        }
    }

    /// @dev After a batch, a claim or a sweep of `allowed` that did not revert: whoever is no longer unpaid has got
    /// exactly the share, once, as money or as credit.
    function notePaid(uint32 n, Before memory before, uint256 allowed) internal {
        uint256 mask = rewards.unpaidMask(n, 0);
        check(mask & ~before.unpaidMask == 0, "an unpaid bit came back");
        uint256 gone = before.unpaidMask & ~mask;
        check(gone & ~allowed == 0, "paid without being named");
        uint256 sum = 0;
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            if ((gone >> i) & 1 == 0) continue;
            check(!_settled[n][i], "paid twice");
            _settled[n][i] = true;
            sum += before.shares[i];
            // Whom validators share, their shares come together.
            for (uint256 k = 0; k < VALIDATORS; ++k) {
                if (payeeOf(k) == payeeOf(i)) before.held[k] += before.shares[i];
            }
        }
        for (uint256 i = 0; i < VALIDATORS; ++i)
            check(heldBy(i) == before.held[i], "not paid what was due");
        check(before.unpaid - rewards.books().unpaid == sum, "unpaid total");
    }

    function check(bool ok, string memory what) internal {
        if (!ok && bytes(broken).length == 0) broken = what;
    }

    /// @return What a validator's payee has, in hand or as credit.
    function heldBy(uint256 index) private view returns (uint256) {
        address payee = address(payeeOf(index));
        (uint256 credit, ) = rewards.creditOf(payee);
        return balance(payee) + credit;
    }

    /// @return The weight in force at the opening of the cycle: the last one set for it or before.
    function weightAt(uint256 cycle, uint256 index) private view returns (uint96) {
        for (uint256 n = cycle; n != 0; --n) {
            if (_weightSet[n][index]) return _weightFrom[n][index];
        }
        return weights[index];
    }
}
